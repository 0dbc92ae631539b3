--  Ada's POSIX binding, florist, on a file: single requests, lists that are waited for and lists that are not. Every
--  block is written, made safe, read and compared. No signals are masked, because florist does not know those that glibc
--  keeps for itself. usage: file_blocks FILE
with Ada.Command_Line;
with Ada.Streams;   use Ada.Streams;
with Ada.Text_IO;
with POSIX;         use POSIX;
with POSIX.Asynchronous_IO;
with POSIX.IO;
with POSIX.Permissions;
with POSIX.Signals;

procedure File_Blocks is
   package AIO renames POSIX.Asynchronous_IO;
   use type AIO.AIO_Status;

   Block  : constant := 4096;
   Count  : constant := 64;
   Rounds : constant := 32;

   type Way is (Single, List_Waited, List_Not_Waited);

   Failed : exception;

   File     : POSIX.IO.File_Descriptor;
   Requests : AIO.AIO_Descriptor_List (1 .. Count);
   Buffers  : array (1 .. Count) of AIO.IO_Array_Pointer;
   Compared : Natural := 0;

   function Content (Round, Number : Positive; I : Stream_Element_Offset) return Stream_Element is
     (Stream_Element ((Stream_Element_Offset (Round * 97 + Number * 13) + I * 5 + I / 256) mod 256));

   procedure Prepare (Round : Positive; Operation : AIO.List_IO_Operations) is
      Event : POSIX.Signals.Signal_Event;
   begin
      POSIX.Signals.Set_Notification (Event, POSIX.Signals.No_Notification);
      for N in Requests'Range loop
         AIO.Set_File (Requests (N), File);
         AIO.Set_Offset (Requests (N), POSIX.IO.IO_Offset (((Round - 1) * Count + N - 1) * Block));
         AIO.Set_Buffer (Requests (N), Buffers (N));
         AIO.Set_Length (Requests (N), Block);
         AIO.Set_Priority_Reduction (Requests (N), 0);
         AIO.Set_Operation (Requests (N), Operation);
         AIO.Set_Event (Requests (N), Event);
      end loop;
   end Prepare;

   procedure Carry_Out (How : Way; Operation : AIO.List_IO_Operations) is
      use type AIO.List_IO_Operations;
      Event : POSIX.Signals.Signal_Event;
   begin
      case How is
         when Single =>
            for N in Requests'Range loop
               if Operation = AIO.Write then
                  AIO.Write (Requests (N));
               else
                  AIO.Read (Requests (N));
               end if;
            end loop;
         when List_Waited =>
            AIO.List_IO_Wait (Requests, No_Signals);
         when List_Not_Waited =>
            POSIX.Signals.Set_Notification (Event, POSIX.Signals.No_Notification);
            AIO.List_IO_No_Wait (Requests, Event);
      end case;
      for N in Requests'Range loop
         while AIO.Get_AIO_Status (Requests (N)) = AIO.In_Progress loop
            AIO.Await_IO (Requests (N), No_Signals);
         end loop;
         if AIO.Get_AIO_Status (Requests (N)) /= AIO.Completed_Successfully
           or else AIO.Get_Bytes_Transferred (Requests (N)) /= Block
         then
            raise Failed with "request" & Integer'Image (N) & " of " & Way'Image (How);
         end if;
      end loop;
   end Carry_Out;

   Sync : AIO.AIO_Descriptor := AIO.Create_AIO_Control_Block;
begin
   File := POSIX.IO.Open_Or_Create
     (To_POSIX_String (Ada.Command_Line.Argument (1)), POSIX.IO.Read_Write, POSIX.Permissions.Owner_Permission_Set,
      Masked_Signals => No_Signals);
   for N in Requests'Range loop
      Requests (N) := AIO.Create_AIO_Control_Block;
      Buffers (N) := new Stream_Element_Array (1 .. Block);
   end loop;
   for Round in 1 .. Rounds loop
      for N in Requests'Range loop
         for I in Buffers (N)'Range loop
            Buffers (N) (I) := Content (Round, N, I);
         end loop;
      end loop;
      Prepare (Round, AIO.Write);
      Carry_Out (Way'Val (Round mod 3), AIO.Write);
   end loop;

   declare
      Event : POSIX.Signals.Signal_Event;
   begin
      POSIX.Signals.Set_Notification (Event, POSIX.Signals.No_Notification);
      AIO.Set_File (Sync, File);
      AIO.Set_Event (Sync, Event);
      AIO.Synchronize_File (Sync);
      while AIO.Get_AIO_Status (Sync) = AIO.In_Progress loop
         AIO.Await_IO (Sync, No_Signals);
      end loop;
      if AIO.Get_AIO_Status (Sync) /= AIO.Completed_Successfully then
         raise Failed with "Synchronize_File";
      end if;
   end;

   for Round in 1 .. Rounds loop
      for N in Requests'Range loop
         Buffers (N).all := (others => 0);
      end loop;
      Prepare (Round, AIO.Read);
      Carry_Out (Way'Val ((Round + 1) mod 3), AIO.Read);
      for N in Requests'Range loop
         for I in Buffers (N)'Range loop
            if Buffers (N) (I) /= Content (Round, N, I) then
               raise Failed with "other data in round" & Integer'Image (Round) & ", block" & Integer'Image (N);
            end if;
         end loop;
         Compared := Compared + 1;
      end loop;
   end loop;

   for N in Requests'Range loop
      AIO.Destroy_AIO_Control_Block (Requests (N));
   end loop;
   AIO.Destroy_AIO_Control_Block (Sync);
   POSIX.IO.Close (File, No_Signals);
   Ada.Text_IO.Put_Line (Integer'Image (Compared) & " blocks");
end File_Blocks;
